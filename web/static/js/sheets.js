// Panels that ask "really?" close with Escape or a tap beside them, and only one is open.
function close(except) {
  for (const panel of document.querySelectorAll("details.confirm[open]")) if (panel !== except) panel.open = false;
}

document.addEventListener("click", ({ target }) => close(target.closest("details.confirm")));
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  const panel = document.activeElement?.closest("details.confirm[open]");
  close();
  panel?.querySelector("summary").focus();
});
