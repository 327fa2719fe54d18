"""What is served over HTTP: health, figures, and from later on hooks and pages."""
