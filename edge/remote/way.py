"""How the configuration says that requests go to the cloud."""

from pathlib import Path
from urllib.parse import quote, urlsplit

from edge.config.options import DestinationOptions
from edge.sync.client import Way


def way(options: DestinationOptions, beside: Path) -> Way:
    """Return it; relative paths are taken from the configuration's directory, `beside`."""
    tls = options.tls
    return Way(
        _proxy(options),
        None if tls.ca is None else beside / tls.ca,
        None if tls.certificate is None else beside / tls.certificate,
        None if tls.key is None else beside / tls.key,
    )


def _proxy(options: DestinationOptions) -> str | None:
    if options.proxy in {None, "none"}:
        return None if options.proxy is None else ""
    assert options.proxy is not None  # noqa: S101 - looked at above
    if options.proxy_user is None:
        return options.proxy
    parts = urlsplit(options.proxy)
    password = quote(options.proxy_user.password.get_secret_value(), safe="")
    return parts._replace(netloc=f"{quote(options.proxy_user.name, safe='')}:{password}@{parts.netloc}").geturl()
