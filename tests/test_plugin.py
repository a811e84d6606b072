"""The pytest plugin, in sessions of its own."""

import json
import shutil
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

_SUITE = """
    import pytest

    def test_layers(measure, network):
        layers = measure(network.samples[0])
        assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}

    def test_target(target, link, deployment):
        assert link.deployment.build_id == deployment.build_id
        assert target.board.name in link.session.banner.text
"""


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results of inner sessions."""
    folder = pytester.path / "runs"
    monkeypatch.setenv("QRIG_RUNS", str(folder))
    monkeypatch.setenv("PY_COLORS", "0")
    pytester.makeini(f"[pytest]\nfilterwarnings = error\npythonpath = {TESTS}\n")
    return folder


def test_tests_run_once_per_target(pytester: pytest.Pytester, runs: Path) -> None:
    pytester.makepyfile(_SUITE)
    result = pytester.runpytest_subprocess("--target=mps2-an500", "--target=mps2-an386", "-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*test_layers*mps2-an500@qemu*", "*bit-exact: *report.html"])
    (run,) = (path.parent for path in runs.glob("*/run.json"))
    document = json.loads((run / "run.json").read_text())
    assert document["verdict"] == "bit-exact"
    assert len(document["stamps"]) == 2


def test_workers_of_xdist_are_merged(pytester: pytest.Pytester, runs: Path) -> None:
    pytester.makepyfile(_SUITE)
    result = pytester.runpytest_subprocess(
        "--target=mps2-an500", "--target=mps2-an386", "-n2", "--dist=loadgroup"
    )
    result.assert_outcomes(passed=4)
    (run,) = (path.parent for path in runs.glob("*/run.json"))
    stamps = json.loads((run / "run.json").read_text())["stamps"]
    assert {stamp["target"] for stamp in stamps} == {"mps2-an386@qemu", "mps2-an500@qemu"}


def test_asleep_without_targets(pytester: pytest.Pytester, runs: Path) -> None:
    pytester.makepyfile("def test_plain(request):\n    pass\ndef test_link(link):\n    pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'link' not found*"])
    assert not runs.exists()


@pytest.mark.parametrize("option", ["--baseline=last", "--power=js220"])
def test_what_needs_a_target_does_not_sleep(pytester: pytest.Pytester, option: str) -> None:
    pytester.makepyfile("def test_plain():\n    pass")
    result = pytester.runpytest_subprocess(option)
    assert result.ret == 2
    result.stderr.fnmatch_lines(
        [f"*expected a target with {option.partition('=')[0]}, found none*"]
    )


def test_an_unknown_target_is_a_usage_error(pytester: pytest.Pytester, runs: Path) -> None:
    pytester.makepyfile(_SUITE)
    result = pytester.runpytest_subprocess("--target=mps2-an5000")
    assert result.ret == 2
    result.stderr.fnmatch_lines(["*did you mean mps2-an500?*"])


@pytest.mark.parametrize("named", [True, False])
def test_an_unavailable_target(
    pytester: pytest.Pytester, runs: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    pytester.makepyfile(_SUITE)
    pytester.makeconftest(
        "import qrig.backends.qemu\nqrig.backends.qemu._PROGRAM = 'qemu-system-nowhere'\n"
    )
    if named:
        result = pytester.runpytest_subprocess("--target=mps2-an500")
        assert result.ret == 3
        output = result.stdout.str() + result.stderr.str()
        assert "apt-get install qemu-system-arm" in output
        assert "targets that work here: host@native" in output
    else:
        pytester.makeini("[pytest]\nqrig_targets = mps2-an500\n")
        result = pytester.runpytest_subprocess("-rs")
        result.assert_outcomes(skipped=2)
        result.stdout.fnmatch_lines(["*mps2-an500@qemu: *is not installed*"])


def test_beside_a_plugin_that_owns_target(pytester: pytest.Pytester, runs: Path) -> None:
    pytester.makepyfile(
        owner="def pytest_addoption(parser):\n    parser.addoption('--target', default='theirs')\n",
        test_it="""
            def test_both(target, request):
                assert request.config.getoption("--target") == "theirs"
                assert target.name == "host@native"
        """,
    )
    result = pytester.runpytest_subprocess("-p", "owner", "--qrig-target=host")
    result.assert_outcomes(passed=1)


def test_a_test_may_choose_its_own_target(pytester: pytest.Pytester, runs: Path) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("target", ["mine"])
        def test_mine(target):
            assert target == "mine"
        """
    )
    pytester.runpytest_subprocess("--target=host").assert_outcomes(passed=1)


def test_options_choose_the_kernels(pytester: pytest.Pytester, runs: Path) -> None:
    shutil.copytree(TESTS / "c" / "cmsis_nn_stand_in", pytester.path / "CMSIS")
    pytester.makepyfile(_SUITE)
    result = pytester.runpytest_subprocess(
        "--target=mps2-an386", "--qrig-cmsis-nn=CMSIS", "--qrig-truncate", "--qrig-kernels=portable"
    )
    result.assert_outcomes(passed=4)
    (run,) = (path.parent for path in runs.glob("*/run.json"))
    stamps = json.loads((run / "run.json").read_text())["stamps"]
    assert [stamp["target"] for stamp in stamps] == [
        "mps2-an386@qemu", "mps2-an386@qemu, CMSIS-NN",
    ]  # fmt: skip
    assert stamps[0]["kernel_library"].endswith(", portable")
    assert stamps[1]["kernel_library"].startswith("CMSIS-NN V.0.0.1")
    assert all(stamp["semantics"]["truncate"] for stamp in stamps)


def test_a_missing_cmsis_nn_is_a_usage_error(pytester: pytest.Pytester, runs: Path) -> None:
    pytester.makepyfile(_SUITE)
    result = pytester.runpytest_subprocess("--target=mps2-an386", "--qrig-cmsis-nn=nowhere")
    assert result.ret == 2
    result.stderr.fnmatch_lines(["*nowhere: expected a CMSIS-NN 5.x*"])
