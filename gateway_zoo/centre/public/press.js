// Forms whose submit is an action, for every page that has one.
import { act } from "/public/centre.js";

/** Do `work` when a form is submitted. Meanwhile its buttons rest, and its status says so; a refusal is said there. */
export function submits(form, work) {
  const status = form.querySelector("[role=status]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const buttons = [...form.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    status.textContent = "under way …";
    try {
      await work();
      status.textContent = "";
    } catch (error) {
      if (error.status === undefined) throw error; // a fault of the page
      status.textContent = error.status ? error.message : "The visitor centre does not answer.";
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  });
}

/** The form of the crowd: `ids` are the exhibits, `draw` gets their crowds. Returns what the form says now. */
export function crowdForm(form, ids, draw) {
  const [front, requests, hold] = ["front", "requests", "hold"].map((id) => document.getElementById(id));
  const given = () => ({
    cells: ids.map((id) => [id, front.value]), requests: requests.valueAsNumber, hold_ms: hold.valueAsNumber,
  });
  requests.addEventListener("input", () => { document.getElementById("many").textContent = requests.value; });
  submits(form, async () => draw(await act("/api/exhibit/crowd", given())));
  return given;
}
