/** People who type: each sends what stands in the field after every keystroke, at an even pace. */
import { Agent, request } from "node:http";
import { setTimeout } from "node:timers/promises";
import { playPart } from "./part.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 400 });

/** How long the answer to one keystroke took, in ms; an answer that is none counts as infinitely long. */
function ask(url: string, q: string, from: string): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now();
    const failed = (): void => resolve(Number.POSITIVE_INFINITY);
    const sent = request(
      `${url}?q=${encodeURIComponent(q)}`,
      { agent, headers: { "x-forwarded-for": from } },
      (answer) => {
        answer.resume().once("error", failed);
        answer.once("end", () =>
          resolve(answer.statusCode === 200 ? performance.now() - start : Number.POSITIVE_INFINITY),
        );
      },
    );
    sent.once("error", failed).end();
  });
}

playPart({
  /** Every person types the texts in turn, one letter after the other. */
  async type({ url, texts, people, perSecond, seconds }: Typing) {
    const until = performance.now() + seconds * 1000;
    const times: Promise<number>[] = [];
    const person = async (number: number): Promise<void> => {
      await setTimeout((number / people) * (1000 / perSecond));
      for (let at = number; performance.now() < until; at++) {
        const text = texts[at % texts.length] as string;
        for (let end = 2; end <= text.length && performance.now() < until; end++) {
          times.push(ask(url, text.slice(0, end), `10.0.${number >> 8}.${number & 255}`));
          await setTimeout(1000 / perSecond);
        }
      }
    };
    await Promise.all(Array.from({ length: people }, (_, number) => person(number)));
    return Promise.all(times);
  },
});

interface Typing {
  url: string;
  texts: string[];
  people: number;
  perSecond: number;
  seconds: number;
}
