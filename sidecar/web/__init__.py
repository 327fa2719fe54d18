"""What is served over HTTP: health, figures and hooks, and from later on pages."""
