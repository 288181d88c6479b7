"""Markdown as a tree of plain nodes, from which a page makes elements: no HTML crosses from here to the browser.

A node has a tag of TAGS, or none for text. The only attribute is `href`, from safe_link(). HTML in the Markdown
stays text; comments, which the zoo's labels have for its own programs, are left out. An image is its description.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

#: A node of markdown-it -> the tag of its element.
TAGS = {
    "paragraph": "p",
    "strong": "strong",
    "em": "em",
    "code_inline": "code",
    "fence": "pre",
    "code_block": "pre",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
    "hardbreak": "br",
    "hr": "hr",
    "link": "a",
    **{name: name for name in ("table", "thead", "tbody", "tr", "th", "td")},
}
HEADINGS = {1: "h3", 2: "h4"}  # below the page's own; deeper ones are h5
COMMENT = re.compile(r"^<!--.*-->$", re.MULTILINE)
DEEP = 20  # levels of lists and quotes that are shown


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """An element, or a text without a tag."""

    tag: str = ""
    text: str = ""
    href: str = ""
    children: list["Node"] = []


def nodes(text: str, files: Iterable[str] = ()) -> list[Node]:
    """Parse Markdown. `files`: names to which a link may lead, as places on the same page."""
    from markdown_it import MarkdownIt  # late: a megabyte
    from markdown_it.tree import SyntaxTreeNode

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEP}).enable("table")
    tree = SyntaxTreeNode(parser.parse(COMMENT.sub("", text)))
    return list(_nodes(tree, frozenset(files)))


def _nodes(tree: "SyntaxTreeNode", files: frozenset[str]) -> Iterator[Node]:
    for child in tree.children:
        inner = list(_nodes(child, files)) if child.children and child.type != "image" else []
        if child.type == "heading":
            yield Node(HEADINGS.get(int(child.tag[1:]), "h5"), children=inner)
        elif child.type == "link":
            href = safe_link(str(child.attrs.get("href", "")), files)
            yield Node("a" if href else "span", href=href, children=inner)
        elif child.type in TAGS:
            yield Node(TAGS[child.type], child.content if not inner else "", children=inner)
        elif child.type == "softbreak":
            yield Node(text=" ")
        elif child.type in ("text", "image"):
            yield Node(text=child.content)
        else:  # "inline", and what this table does not know: its content alone
            yield from inner or [Node(text=child.content)]


def safe_link(href: str, files: frozenset[str]) -> str:
    """The address of a link: http(s), or a file that the same page shows; else empty."""
    if href in files:
        return f"#file-{href}"
    return href if re.match(r"https?://[\w.\[\]-]+(?:[:/?#]|\Z)", href) else ""
