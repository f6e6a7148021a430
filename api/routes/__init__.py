"""One file a resource; each builds nothing and only passes values between the wire and a service."""
