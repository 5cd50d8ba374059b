"""The board of a class as a page: reports come in, and the teacher sees who is stuck.

The class may report and not look: names and progress are for the teacher.
"""

import threading
from pathlib import Path

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from etabli.pipelines.course import pages
from etabli.pipelines.course.assignment import ASSIGNMENT, read_assignment
from etabli.pipelines.course.board import Board
from etabli.web import invitation
from etabli.web.api import Endpoint, Params, handle_errors
from etabli.web.app import LanguageMiddleware, Server
from etabli.web.security import AccessPolicy, SecurityMiddleware, require_teacher

_THREADS = 4


class Report(Params):
    """What a student's check found."""

    token: str
    exercise: str
    right: list[str]


def _take_report(board: Board, report: Report) -> dict[str, str]:
    student = board.report(report.token, report.exercise, report.right)
    return {"student": student.id}


def make_board_app(
    board: Board, policy: AccessPolicy, address: str, language: str = "en"
) -> Starlette:
    """Create the application of a board.

    Args:
        board: The progress of the class.
        policy: Which addresses may ask, and with which token.
        address: Where students report to, which the page shows.
        language: The language of a browser that asks for none.

    Returns:
        The application.
    """

    async def show(request: Request) -> Response:
        async def work() -> Response:
            require_teacher(request)
            return HTMLResponse(pages.render_board(board, address))

        return await handle_errors(work)

    async def serve_style(_request: Request) -> Response:
        return Response(pages.board_style(), media_type="text/css")

    report = Endpoint("/api/report", _take_report, Report, method="POST")
    app = Starlette(
        routes=[
            Route("/", show),
            Route("/board.css", serve_style),
            report.route(board, CapacityLimiter(_THREADS)),
        ],
        middleware=[
            Middleware(LanguageMiddleware, language=language),
            Middleware(SecurityMiddleware, policy=policy),
        ],
    )
    app.state.closing = threading.Event()
    return app


class BoardServer(Server):
    """A board on one port, which it binds at once."""

    def __init__(
        self, assignment: Path, *, host: str | None = None, port: int = 8010, language: str = "en"
    ) -> None:
        super().__init__(assignment, host=host, port=port, language=language)
        folder = assignment if assignment.is_dir() else assignment.parent
        self.board = Board(read_assignment(folder / ASSIGNMENT), folder)

    @property
    def report_address(self) -> str:
        """The address that students report to: the first of the class, else of this machine."""
        return next(iter(self.class_addresses), invitation.teacher_url(self.policy, self.port))

    def make_app(self) -> Starlette:
        """Return the application to serve."""
        return make_board_app(self.board, self.policy, self.report_address, self.language)
