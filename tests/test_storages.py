import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from search.study.storages.database import check_database
from search.study.study import read_candidates
from tests.test_study import open_study, outcome, run


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///studies.db",
        "mysql://me@host/studies",
        "postgresql+psycopg2://me@host/studies",
        "postgresql://me@host",  # no database
        "postgresql://me@host:port/studies",
        "studies",
        "",
    ],
)
def test_other_databases_are_refused(tmp_path, url):
    with pytest.raises(ValueError, match="postgresql://user@host:port/database"):
        open_study(tmp_path / "study", url)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("url", ["postgresql://me:s3cret@host/studies", "postgresql://me@host/studies?password=s3cret"])
def test_a_password_is_neither_taken_nor_repeated(tmp_path, url):
    with pytest.raises(ValueError, match="PGPASSWORD") as refusal:
        open_study(tmp_path / "study", url)
    assert "s3cret" not in str(refusal.value)
    assert not (tmp_path / "study").exists()


def test_a_server_that_is_down_is_one_line_and_leaves_nothing(tmp_path, postgres):
    postgres.stop()
    for attempt in (lambda: check_database(postgres.url), lambda: open_study(tmp_path / "study", postgres.url)):
        with pytest.raises(ConnectionError, match="must answer") as refusal:
            attempt()
        assert "\n" not in str(refusal.value)
    assert not (tmp_path / "study").exists()


def test_a_database_that_does_not_exist_is_named(tmp_path, postgres):
    with pytest.raises(ConnectionError, match='"elsewhere" does not exist'):
        check_database(postgres.url.rpartition("/")[0] + "/elsewhere")


def test_a_server_that_goes_away_costs_nothing_that_was_told(tmp_path, postgres):
    study = open_study(tmp_path, postgres.url)
    run(study, 3)
    number, arch = study.ask()
    postgres.stop()
    with pytest.raises(ConnectionError, match="--resume") as lost:
        study.tell(number, outcome(arch))
    assert "\n" not in str(lost.value)
    with pytest.raises(ConnectionError, match="must answer"):
        read_candidates(tmp_path)
    study.close()
    postgres.start()
    study = open_study(tmp_path)
    assert len(study.candidates()) == 3
    assert study.ask() == (number, arch)
    study.tell(number, outcome(arch))
    study.close()
    assert len(read_candidates(tmp_path)) == 4


def test_who_lost_the_lock_writes_no_more(tmp_path, postgres):
    import psycopg

    study = open_study(tmp_path, postgres.url)
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    with pytest.raises(ConnectionError, match="--resume"):
        study.ask()
    study.close()
    study = open_study(tmp_path)
    assert study.ask()[0] == 0
    study.close()


def test_studies_that_begin_at_once_share_a_database(tmp_path, postgres):
    def begin(seed: int) -> list[str]:
        study = open_study(tmp_path / str(seed) / "study", postgres.url, seed=seed)
        run(study, 3)
        study.close()
        return [candidate.architecture.key for candidate in read_candidates(tmp_path / str(seed) / "study")]

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(begin, range(3)))
    assert [len(keys) for keys in found] == [3, 3, 3]
    assert len({tuple(keys) for keys in found}) == 3


def test_a_study_stays_where_it_began(tmp_path, postgres):
    open_study(tmp_path / "file").close()
    open_study(tmp_path / "server", postgres.url).close()
    with pytest.raises(ValueError, match="leave the database out"):
        open_study(tmp_path / "file", postgres.url)
    with pytest.raises(ValueError, match="leave the database out"):
        open_study(tmp_path / "server", postgres.url.replace("127.0.0.1", "localhost"))
    open_study(tmp_path / "server", postgres.url).close()
    assert not (tmp_path / "server" / "journal.log").exists()


def test_a_missing_driver_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r"chiptrack\[cluster\]"):
        open_study(tmp_path / "study", "postgresql://me@127.0.0.1/studies")


def test_a_broken_record_of_the_database_is_one_line(tmp_path):
    (tmp_path / "database.json").write_text("{}")
    with pytest.raises(ValueError, match="database.json"):
        read_candidates(tmp_path)
