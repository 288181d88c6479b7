// Client-side rendering: the list is made here, once the data have come.
import { element, list, load } from "./gateways.js";

const content = document.querySelector("#content");
try {
  content.append(list(await load()));
  performance.mark("content rendered"); // waterfall.js reads it
} catch (error) {
  content.append(element("p", error.message, { role: "alert" }));
}
