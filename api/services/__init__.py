"""The gRPC services: each checks a request, asks a reader, and words the answer."""
