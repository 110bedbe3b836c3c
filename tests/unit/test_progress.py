import pytest

from scalesmear.progress import LINE, Progress


def test_every_finished_file_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(n_files=2)
    progress.advance(events=10)
    progress.advance(events=5, files=1)
    progress.advance(events=7, files=1)
    said = [LINE.fullmatch(line) for line in capsys.readouterr().err.splitlines()]
    found = [match.group("files", "of", "events") for match in said if match]
    assert found[-2:] == [("1", "2", "15"), ("2", "2", "22")]
    assert len(found) == len(said)
