/** React 19, with the bare tag: it sets properties where the element has them, and listens to any event. */
import type { MbConnect } from "@mb-connect/widget";
import "@mb-connect/widget";
import type {} from "@mb-connect/widget/types/react";
import { useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { search, strings } from "../clinic.ts";

function App() {
  const element = useRef<MbConnect>(null);
  const [said, say] = useState("");
  return (
    <>
      <mb-connect
        ref={element}
        searchConnections={search}
        strings={strings}
        connectionsUrl=""
        onmb-search={({ detail }) => say(`${detail.count} for ${detail.query}`)}
        onmb-select={(event) => {
          event.preventDefault();
          say(`${event.detail.connection.name}, ${element.current?.state}`);
        }}
      />
      <output>{said}</output>
    </>
  );
}

createRoot(document.body.appendChild(document.createElement("main"))).render(<App />);

// @ts-expect-error: a limit is a number
export const wrong = <mb-connect limit="many" />;
