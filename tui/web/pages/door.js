// The link that "mailtop web" prints has the token behind a #, which no browser sends to a server or writes to a log.
const token = decodeURIComponent(location.hash.slice(1));
if (token) {
  history.replaceState(null, "", location.pathname);
  const form = document.querySelector("form");
  form.elements.token.value = token;
  form.submit();
}
