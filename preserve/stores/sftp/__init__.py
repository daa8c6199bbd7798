"""Replicas on SFTP servers: the protocol of draft-ietf-secsh-filexfer-02 (version 3) over asyncssh's connections."""
