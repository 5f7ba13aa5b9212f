"""TES 1.1 over HTTP; stateless, everything is kept in Kubernetes."""
