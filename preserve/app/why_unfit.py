"""What can be done about a place elsewhere that cannot be used, by what it or the way to it answered."""

from config import S3Address

NO_CREDENTIALS = (
    "Name with `--secret` where the key is kept: env:NAME, file:PATH or keyring:SERVICE/USER. Without it the SDK looks "
    "in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then in ~/.aws, then asks the machine it runs on."
)
# By a part of the cause as `preserve.stores` words it; the first that fits.
_BY_CAUSE = (
    ("the variable is not set", "Set that variable where `preserve` runs, or name another place with `--secret`."),
    ("its secret (file:", "Put the secret into that file, readable by you alone: chmod 600. Or name another one."),
    ("NoKeyringError", "No keyring answers on this machine: name another place with `--secret`, such as file:PATH."),
    ("keyring's package", "Install it, or name another place with `--secret`, such as file:PATH."),
    ("its secret (", "Put the secret there, or name with `--secret` where it is kept."),
    ("no credentials", NO_CREDENTIALS),
    ("no such bucket", "Make the bucket first, at the provider or with its own tool; or correct its name."),
    ("no such profile", "Look which profiles ~/.aws/config has, and correct `--profile`."),
    ("another region", "Name the bucket's region with `--region`."),
    ("certificate", "Look whether it is the right address; name its authority in AWS_CA_BUNDLE if it is your own."),
    ("does not know this access key", "Look at the key's id, in what `--secret` or `--profile` names."),
    ("the secret key is wrong", "Look at the key itself, in what `--secret` or `--profile` names."),
    ("credentials have expired", "Ask for new ones, and put them where `--secret` or `--profile` names."),
    ("clock", "Set this machine's clock."),
    ("has a passphrase", "Name with `--secret` where the key's passphrase is kept: env:NAME, file:PATH or keyring:…."),
    ("has another passphrase", "Correct the passphrase in what `--secret` names."),
    ("is no private key", "Name the private key with `--key`, not the one that ends in .pub."),
    ("the key ", "Look at the file that `--key` names."),
    ("does not let", "Look at the user in the address, at `--key` and `--secret`; whoever keeps that server has to put "
     "your public key into the user's authorized_keys."),
    ("no such host", "Look how the host is written in the address."),
    ("folder is not there", "Make the folder first, such as with `sftp`: mkdir PATH. Or correct the address."),
    ("no answer in time", "The server may be down, or a firewall be in between: look at the address and its port."),
)  # fmt: skip
_NOT_REACHED = ("refuses connections", "connection refused", "cannot be reached", "does not answer")


def remedy_for(cause: str, address: object, right: str) -> str:
    """In a sentence or two; empty where nothing is known of such a cause.

    Args:
        right: the right that is missing if it is one.
    """
    if any(part in cause for part in _NOT_REACHED):
        named = "the address and `--endpoint`" if isinstance(address, S3Address) else "the address and its port"
        return f"Look at {named}, and whether the server runs and can be reached from here."
    if "access is refused (403)" in cause and isinstance(address, S3Address):
        return (
            "Either the secret key is wrong (some servers do not say so here), or whoever keeps that place has to give "
            f"the right {right}; see docs/replicas.md."
        )
    if "access is denied" in cause or "access is refused" in cause or cause in ("AccessDenied", "EACCES", "EPERM"):
        return f"Whoever keeps that place has to give the right {right}; see docs/replicas.md."
    return next((told for part, told in _BY_CAUSE if part in cause), "")
