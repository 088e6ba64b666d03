document.querySelector(".ended button").addEventListener("click", () => location.reload());
