"""PREMIS of what the services did, and the identification of formats that goes into it."""
