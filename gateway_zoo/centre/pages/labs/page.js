import { show } from "/public/documents.js";

show("/api/labs");
