"""The doctor."""

import os
import subprocess
import sys

import aiofile_rs
from aiofile_rs.doctor import doctor


def test_it_says_what_works():
    text, works = doctor()
    assert works
    assert f"by default    works ({aiofile_rs.default_context().backend})" in text
    for backend in aiofile_rs.backends():
        assert f"\n{backend:<14}" in text
    assert aiofile_rs.default_context().info.strip() in text


def test_it_fails_where_nothing_works():
    environment = {**os.environ, "CAIO_IMPL": "nonsense"}
    command = [sys.executable, "-m", "aiofile_rs.doctor"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stderr
    assert "by default    does not work" in ended.stdout and "valid names" in ended.stdout
