"""Make the zoo's own certificate authority at the first start, for https and wss without a network.

A browser or `curl --cacert` must trust $ZOO_RUN/sock/tls/ca.pem; both fronts serve it as /ca.pem. Its key is never
stored, so it signs nothing else. front.pem and front.key are for both fronts.
"""

import datetime
import os
import shutil
import tempfile
from pathlib import Path

from gateway_zoo.safe_io import own_files
from gateway_zoo.settings import Settings

NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1")
FILES = ("ca.pem", "front.pem", "front.key")
DAYS = 365


def make(settings: Settings) -> Path:
    """Return the directory of the certificates; make it if missing, too old, or without ZOO_LISTEN.

    Two containers may do it at once: a whole directory is renamed into place, and the second uses the first's. Raises
    InTheWay, OSError.
    """
    here = settings.tls
    if _expired(here) or not _covers(here, settings.listen):
        _remove(here)
    if not here.exists():
        new = Path(tempfile.mkdtemp(prefix="tls-", dir=here.parent))
        _write(new, [*NAMES, *([settings.listen] if settings.listen else [])])
        try:
            new.rename(here)
        except OSError:  # another container was first
            shutil.rmtree(new)
    return here


def _remove(here: Path) -> None:
    """Remove the files that we wrote there, and the directory. Raises InTheWay if there are others, or it is a link."""
    if here.is_symlink():
        raise own_files.InTheWay(here, "folder")
    for name in FILES:
        (here / name).unlink(missing_ok=True)
    if strange := next(here.iterdir(), None):
        raise own_files.InTheWay(strange, "certificate")
    here.rmdir()


def _expired(here: Path) -> bool:
    file = here / "front.pem"
    age = datetime.datetime.now().timestamp() - file.stat().st_mtime if file.exists() else 0
    return age > (DAYS - 1) * 86400


def _covers(here: Path, address: str) -> bool:
    if not address or not (here / "front.pem").exists():
        return True
    from cryptography import x509  # late: only when the zoo is opened to others

    certificate = x509.load_pem_x509_certificate((here / "front.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return address in map(str, names.get_values_for_type(x509.IPAddress))


def _write(here: Path, names: list[str]) -> None:
    import trustme  # late: only at the first start

    here.chmod(0o750)  # every front's group may read the certificates; the key is for its owner alone
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=DAYS)
    authority = trustme.CA(organization_name="Gateway Zoo")
    certificate = authority.issue_cert(*names, not_after=until, organization_name="Gateway Zoo")
    authority.cert_pem.write_to_path(str(here / "ca.pem"))
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(str(here / "front.pem"), append=number > 0)
    key = os.open(here / "front.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(key, "wb") as file:
        file.write(certificate.private_key_pem.bytes())
