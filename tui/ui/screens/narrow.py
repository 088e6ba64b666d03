"""Sends a changed piece of a line as that piece: Textual 8 cuts it at its right end only and sends all that stands left
of it too, once for each piece. For our screens only."""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor


class NarrowUpdate(ChopsUpdate):
    """A partial update that starts where the change starts."""

    def render_segments(self, console: Console) -> str:
        """The update as text and escape sequences."""
        sequences: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, x1), min(end, x2)
                if strip is not None and left < right:
                    sequences.append(Control.move_to(left, y).segment.text)
                    sequences.append(strip.crop(left - x, right - x).render(console))
        return "".join(sequences)


class NarrowCompositor(Compositor):
    """Textual's compositor with narrow updates."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last update; ``None`` when nothing did."""
        update = super().render_partial_update()
        return NarrowUpdate(update.chops, update.spans, update.chop_ends) if update else None
