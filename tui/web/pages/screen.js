document.querySelector(".ended button").addEventListener("click", () => location.reload());

// Keys go to the screen from the start, without a click into it first.
window.addEventListener("load", () => document.querySelector(".xterm-helper-textarea")?.focus());
