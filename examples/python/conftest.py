"""Each test has tapes of its own under `tapes run`. Without it, requests go out."""

import json
import os
import urllib.request

import pytest

PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]


def tell(what, **said):
    url = f"{os.environ['TAPES_CONTROL']}/test/{what}"
    with urllib.request.urlopen(url, json.dumps(said).encode()) as answer:
        return json.load(answer)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.passed = report.passed
    return report


@pytest.fixture(autouse="TAPES_CONTROL" in os.environ)
def tapes(request, monkeypatch):
    test = request.node
    proxy = tell("begin", name=test.nodeid)["proxy"]
    for variable in PROXIES:
        monkeypatch.setenv(variable, proxy)
    yield
    error = tell("end", name=test.nodeid, passed=test.passed)["error"]
    if error:
        pytest.fail(error, pytrace=False)
