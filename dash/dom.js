/*
 * Small helpers for the page. Promise: whatever comes from the server gets into the page as text, never as markup: elements
 * are made one by one, and there is no way here to hand over a piece of HTML.
 */

const SVG = "http://www.w3.org/2000/svg";

export const byId = id => document.getElementById(id);

/** An element with a class, and children: elements or texts. */
export function el(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className)
        node.className = className;
    node.append(...children);
    return node;
}

/** One of the symbols of index.html; decoration, so it needs words beside it. */
export function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
}

/** A symbol and words: what is told by colour is told by shape and word, too. */
export function state(kind, symbol, words) {
    const node = el("span", "state", icon(symbol), words);
    node.dataset.state = kind;
    return node;
}

export function tags(list) {
    return list.length ? el("span", "tags", ...list.map(text => {
        const tag = el("span", "tag", text);
        tag.title = text;
        return tag;
    })) : el("span", "note", "–");
}

/** Sets a text only where it differs, so that nothing is laid out or read aloud again in vain. */
export function setText(node, text) {
    if (node.textContent !== text)
        node.textContent = text;
}

/**
 * Makes the rows of a table body those of `items`, in their order. A row that was there stays the same element, so the
 * focus and what is selected stay where they are. `make(item)` gives a new row, `update(row, item)` brings it up to date.
 */
export function syncRows(body, items, key, make, update) {
    const old = new Map([...body.children].map(row => [row.dataset.key, row]));
    let place = body.firstElementChild;
    for (const item of items) {
        const name = String(key(item));
        let row = old.get(name);
        if (row) {
            old.delete(name);
        } else {
            row = make(item);
            row.dataset.key = name;
        }
        update(row, item);
        if (row === place)
            place = place.nextElementSibling;
        else
            body.insertBefore(row, place);
    }
    for (const row of old.values())
        row.remove();
}

/** A short note in a corner, which screen readers say, too. */
export function toast(words) {
    const note = el("div", "toast", words);
    byId("toasts").append(note);
    setTimeout(() => note.remove(), 6000);
}
