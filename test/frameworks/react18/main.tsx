/** React 18, by the component: it sets properties, and takes events of the element's own, which this React does not. */
import type { MbConnect as Element } from "@mb-connect/widget";
import { MbConnect } from "@mb-connect/widget/react";
import { useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { search, strings } from "../clinic.ts";

function App() {
  const element = useRef<Element>(null);
  const [said, say] = useState("");
  return (
    <>
      <MbConnect
        ref={element}
        searchConnections={search}
        strings={strings}
        connectionsUrl=""
        onMbSearch={({ detail }) => say(`${detail.count} for ${detail.query}`)}
        onMbSelect={(event) => {
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
export const wrong = <MbConnect limit="many" />;
