"""TLS to a back end, for the ways that speak it. The server's certificate is always verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gevent import ssl
from pydantic import Field

from cti.core.errors import ConfigError
from cti.validating import Section


class TlsOptions(Section):
    """The server's certificate is always verified, against the system's authorities or ``ca_file``."""

    ca_file: Path | None = None
    server_name: str | None = Field(None, description="the name on the certificate; default: the address's host")
    cert_file: Path | None = Field(None, description="our own certificate, where the back office asks for one")
    key_file: Path | None = None


def tls_context(options: TlsOptions, folder: Path) -> Any:
    """``folder``: from which relative paths count. Raises ConfigError (bad-certificate)."""
    try:
        # Gevent's own, patched or not: the standard library's would stop the hub. It verifies chain and name.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if options.ca_file is not None:
            context.load_verify_locations(cafile=str(folder / options.ca_file))
        else:
            context.load_default_certs()
        if options.cert_file is not None:
            key = str(folder / options.key_file) if options.key_file else None
            context.load_cert_chain(str(folder / options.cert_file), key)
    except OSError as error:
        raise ConfigError(
            f"the certificates of a back end cannot be read: {type(error).__name__}",
            code="bad-certificate",
            remedy="name readable PEM files at tls.ca_file, tls.cert_file and tls.key_file",
        ) from None
    return context
