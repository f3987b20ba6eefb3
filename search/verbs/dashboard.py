"""The verb `dashboard`: shows the study of a search live in a browser, with optuna-dashboard.

The dashboard may only read. Requests that could change the study are refused before they reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from search.study.storages.opening import optuna_storage
from tracking.files.guard import Reads
from tracking.files.progress import say

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application: a function of the request's environment and of a function that starts the response, which returns the body."""


def dashboard(run: Annotated[Path, Reads()], *, port: int = 8080, host: str = "127.0.0.1") -> None:
    """Show the study of a search in a browser, also while the search runs. Ctrl-C ends it.

    Args:
        run: Folder that `chiptrack search` wrote.
        port: Port to listen on; 0 takes a free one.
        host: Address of this machine to listen on. The page asks for no password, so with any address but 127.0.0.1 others can see it.

    Raises:
        FileNotFoundError: The folder holds no study.
        ConnectionError: The study's database does not answer.
        ImportError: The dashboard, or the database's driver, is not installed.
        OSError: The port is taken, or the address does not belong to this machine.
    """
    application = read_only(_dashboard(Path(run)))
    try:
        server = make_server(host, port, application, _Server, _Quiet)
    except (OSError, OverflowError) as err:
        raise OSError(
            f"host and port must be free to listen on, {host}:{port} is not ({err}); choose another --port, 0 takes a free one"
        ) from err
    with server:
        say(f"http://{host}:{server.server_port} shows the study of {run}; Ctrl-C ends it")
        server.serve_forever()


def _dashboard(run: Path) -> Application:
    try:
        from optuna_dashboard import wsgi
    except ImportError as err:
        raise ImportError("a dashboard needs optuna-dashboard, which is not installed; pip install 'chiptrack[dashboard]'") from err
    return wsgi(optuna_storage(run / "study"))


def read_only(application: Application) -> Application:
    """Wrap a WSGI application such that only reading requests (GET and HEAD) reach it; all others are refused.

    Args:
        application: A WSGI application that keeps to HTTP's rule that GET changes nothing.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return application(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "application/json")])
        return [b'{"reason": "The study belongs to its search: this page only shows it."}']

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass
