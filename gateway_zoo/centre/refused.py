"""The two ways in which a page says no; application.py makes answers of them."""


class NotThere(Exception):
    """A page of something that does not exist: 404, with the message."""


class Refused(Exception):
    """An action that is not possible now, or out of bounds: 409 or 422, with the message."""

    def __init__(self, message: str, status: int = 422) -> None:
        self.status = status
        super().__init__(message)
