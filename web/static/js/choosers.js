// The choosers of places of a page that does nothing else with them.
import { choosePlaces } from "./places.js";

for (const box of document.querySelectorAll(".chooser")) choosePlaces(box);
