import hashlib
import subprocess
import sys

from botcannon_core.digest import digest, sha1_of


def test_a_digest_is_the_same_in_every_release_and_on_every_host() -> None:
    assert digest("hällo") == hashlib.blake2b("hällo".encode(), digest_size=16).hexdigest()
    assert digest("") == "cae66941d9efbd404e4d88758ea67670"


def test_half_a_pair_has_a_digest_too() -> None:
    assert digest("\ud800") == digest("?")


def test_a_script_has_the_name_that_a_server_gives_it() -> None:
    assert sha1_of("return 1") == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"


def test_no_tls_library_is_loaded_for_it() -> None:
    code = "import sys, botcannon_core.digest; sys.exit('_hashlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
