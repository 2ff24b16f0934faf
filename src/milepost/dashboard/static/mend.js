// Brings a part of a page up to date and takes nothing out of the hands of who uses it: focus, half-typed text, selection
// and places of scrolling stay, and what may be done stays as it is while somebody is about to do it.
"use strict";
const mend = (() => {
  const AIM = 2000, NEW = 500; // milliseconds
  const held = new Map(); // part → what it will show
  const hovers = matchMedia("(hover: hover)");
  let pressed = null, movedAt = -AIM;

  const isControl = (found) => !["hidden", "submit", "button"].includes(found.type);

  function isEdited(form) {
    return [...form.elements].filter(isControl).some((control) =>
      control.type === "checkbox" || control.type === "radio" ? control.checked !== control.defaultChecked
        : control.tagName === "SELECT" ? [...control.options].some((option, index) => option.selected && !option.defaultSelected && index)
          : control.value !== control.defaultValue);
  }

  // the focus is on something that would not be there any more; a row may stay behind in its list
  function wouldLoseFocus(part, html) {
    if (!part.contains(document.activeElement)) return false;
    const key = document.activeElement.closest("[id]"), fresh = document.createElement("template");
    fresh.innerHTML = html;
    return !part.contains(key) || (key.tagName !== "TR" && !fresh.content.getElementById(key.id));
  }

  // somebody's hand is on it
  function isInUse(part, html) {
    if ((pressed && part.contains(pressed)) || wouldLoseFocus(part, html)) return true;
    const forms = [...part.querySelectorAll("form")];
    if (forms.length) {
      return part.contains(document.activeElement) || forms.some(isEdited) || (hovers.matches && part.matches(":hover"));
    }
    return hovers.matches && performance.now() - movedAt < AIM && !!part.querySelector("a:hover, button:hover, summary:hover");
  }

  function change(part, html, prepare) {
    const fresh = document.createElement("div"), active = document.activeElement;
    const known = new Set([...part.querySelectorAll("form button")].map((button) => button.textContent));
    fresh.innerHTML = html;
    prepare(fresh);
    Idiomorph.morph(part, [...fresh.childNodes], {
      morphStyle: "innerHTML",
      callbacks: {
        beforeNodeRemoved: (node) => active === document.body || !node.contains(active),
        beforeAttributeUpdated: (name, element) => !(name === "open" && element.tagName === "DETAILS"),
      },
    });
    if (active !== document.activeElement && active.isConnected) active.focus({ preventScroll: true });
    for (const button of part.querySelectorAll("form button")) if (!known.has(button.textContent)) wakeLater(button);
  }

  // a finger that is on its way to what stood here does not do what stands here now
  function wakeLater(button) {
    button.disabled = true;
    setTimeout(() => { button.disabled = false; }, NEW);
  }

  function tell(part) {
    if (!part.querySelector("form") || part.querySelector("[data-held]")) return;
    const line = document.createElement("p"), button = document.createElement("button");
    Object.assign(line, { className: "held", role: "status" }).dataset.held = "";
    Object.assign(button, { type: "button", className: "plain", textContent: "Show what can be done now" });
    button.addEventListener("click", () => { button.blur(); show(part); });
    line.append("The job has moved on. ", button);
    part.append(line);
  }

  function show(part) {
    const { html, prepare } = held.get(part);
    held.delete(part);
    change(part, html, prepare);
  }

  setInterval(() => {
    for (const part of [...held.keys()]) {
      if (!part.isConnected) held.delete(part);
      else if (!isInUse(part, held.get(part).html)) show(part);
    }
  }, 200);
  document.addEventListener("pointermove", () => { movedAt = performance.now(); }, { capture: true, passive: true });
  document.addEventListener("pointerdown", (event) => { pressed = event.target; }, { capture: true, passive: true });
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, () => setTimeout(() => { pressed = null; }, 50), { capture: true, passive: true });
  }

  return (part, html, prepare) => {
    held.delete(part);
    if (!isInUse(part, html)) return change(part, html, prepare);
    held.set(part, { html, prepare });
    tell(part);
  };
})();
