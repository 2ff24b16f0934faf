"""What the demonstration asks: short texts to be summed up, written for it."""

from __future__ import annotations

TEXTS = (
    (
        "A lighthouse keeper writes down every ship that passes. The book matters more than the lamp. When the lamp fails, "
        "the book tells who must be warned. When the book fails, nobody knows who was there."
    ),
    (
        "Bread dough rises because yeast turns sugar into gas. Warm dough rises fast and tastes of little. Cold dough takes "
        "a night and tastes of bread. Bakers who are in a hurry buy flavour from somebody else."
    ),
    (
        "A river gauge is read every hour. One wrong reading is a nuisance. A missing reading is a danger, because a gap "
        "looks like calm water. So the station writes a line even when nothing has changed."
    ),
    (
        "Trains keep apart by blocks. A block holds one train, and a signal says so. The signal is not advice: the points "
        "are locked until the block is free. The rule is older than radio and has outlived it."
    ),
    (
        "A seed bank keeps the same seed in two mountains. Fire may take one of them. The list of what is stored lies in "
        "neither, because a list that burns with its seeds is of no use."
    ),
    (
        "In a post office each parcel carries its own label. The sorter needs no memory of yesterday. If a sorter goes home "
        "in the middle of a bag, the next one begins where the labels say."
    ),
    (
        "Old clocks drift, and so do new ones. Two clocks that disagree are a problem. Three clocks can vote. A ship sailed "
        "with three, and came home with at least two that were right."
    ),
    (
        "A surgeon's nurse counts the sponges before and after. The count is spoken aloud. If the numbers differ, nobody "
        "closes anything. It takes a minute, and it is the cheapest minute of the day."
    ),
    (
        "Bees tell one another where flowers are by dancing. The dance is a request, not an order. A bee that finds nothing "
        "comes back silent. So bad news costs the hive one trip and no more."
    ),
    (
        "A library lends a book with a date. When the date has passed, the book may be lent again on paper, though it is "
        "still on somebody's table. The catalogue has to know both of these things."
    ),
    (
        "Salt roads crossed the desert from well to well. A caravan that missed a well did not turn up late; it did not turn "
        "up. So each well kept a knotted rope, a knot for every caravan that drank."
    ),
    (
        "A good recipe says what to do when it goes wrong. Most recipes stop at the picture. The cook learns the rest at "
        "midnight, with guests at the table and the sauce in two parts."
    ),
)
QUESTIONS = ("Sum this up in two sentences.", "What is the one thing to remember here?")


def prompts(count: int) -> list[str]:
    """The first `count` pairs of a question and a text."""
    pairs = [f"{question}\n\n{text}" for question in QUESTIONS for text in TEXTS]
    return [pairs[index % len(pairs)] for index in range(count)]
