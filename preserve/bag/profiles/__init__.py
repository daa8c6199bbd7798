"""BagIt Profiles: what a bag must look like besides RFC 8493."""
