// A one-time link is used by a form, not by looking at its page, so that no preview or prefetch can use it up. This sends the form.

const form = document.getElementById("by-link");
history.replaceState(null, "", "/sign-in");
form.requestSubmit();
