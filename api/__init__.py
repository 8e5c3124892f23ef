"""serve — gRPC services and web pages."""
