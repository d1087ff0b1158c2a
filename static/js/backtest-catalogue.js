// The catalogue is drawn by the server; its page has the keys of every page.
import { begin } from "windhover/analysis/frame";

begin();
