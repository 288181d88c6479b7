import { show } from "/public/documents.js";

show("/api/labels");
