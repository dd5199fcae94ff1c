/*
 * The choice of colours, before anything is drawn: "" follows the system. A classic script in the head, as a module would
 * run after the page was shown in the other colours once.
 */
"use strict";

const THEME_KEY = "cloakroom.theme";

function themeChosen() {
    try {
        return localStorage.getItem(THEME_KEY) || "";
    } catch {
        return ""; // no storage is allowed here: the system's colours
    }
}

function themeChoose(name) {
    document.documentElement.dataset.theme = name;
    try {
        localStorage.setItem(THEME_KEY, name);
    } catch {
        // it holds until the page is left
    }
    document.dispatchEvent(new Event("themechange"));
}

document.documentElement.dataset.theme = themeChosen();
