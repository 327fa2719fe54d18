"""The project's own benchmark: `make bench SIZE=tiny|small|medium|large`."""
