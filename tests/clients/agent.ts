/* A day of an agent's client, made of types generated from the served description: what compiles here is described,
 * and what it then does is answered so. Steps that need a caller or a network are asked for on stdout and confirmed on
 * stdin, a line each. */
import createClient from "openapi-fetch";
import readline from "node:readline";
import type { components, paths } from "./schema.js";

type Event = components["schemas"]["Event"];

const [url, password] = [process.env.CTI_URL!, process.env.CTI_PASSWORD!];
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the test do something, and waits until it has. */
async function have(what: string): Promise<string> {
  console.log(what);
  const line = await lines.next();
  if (line.done) throw new Error(`nobody confirms ${what}`);
  return line.value;
}

function there<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.url}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

function expect(true_: boolean, what: string): void {
  if (!true_) throw new Error(`not so: ${what}`);
}

/** The stream of events, which goes on after the last event whenever it breaks off. */
class Stream {
  readonly seen: Event[] = [];
  private lastId = "";
  private waiting: (() => void)[] = [];
  constructor(private token: string) {
    void this.run();
  }

  private async run(): Promise<void> {
    for (;;) {
      try {
        const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
        if (this.lastId) headers["Last-Event-ID"] = this.lastId;
        const answer = await fetch(`${url}/v1/events`, { headers });
        let rest = "";
        for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) {
          const frames = (rest + part).split("\n\n");
          rest = frames.pop()!;
          frames.forEach((frame) => this.take(frame));
        }
      } catch {
        // the network is away: again, as an EventSource does
      }
      await new Promise((on) => setTimeout(on, 200));
    }
  }

  private take(frame: string): void {
    const data = frame.split("\n").find((line) => line.startsWith("data: "));
    if (data === undefined) return;
    const event = JSON.parse(data.slice(6)) as Event;
    this.lastId = event.id;
    this.seen.push(event);
    this.waiting.splice(0).forEach((wake) => wake());
  }

  /** The first event of this type, and with this data, from `after` on. */
  async of(type: Event["type"], data: Record<string, unknown> = {}, after = 0): Promise<Event> {
    for (;;) {
      const found = this.seen.slice(after).find(
        (event) => event.type === type && Object.entries(data).every(([name, value]) => event.data[name] === value),
      );
      if (found) return found;
      await new Promise<void>((on) => this.waiting.push(on));
    }
  }
}

async function signedIn(name: string, phone: string) {
  const session = there(await createClient<paths>({ baseUrl: url }).POST("/v1/sessions", { body: { name, password } }));
  const client = createClient<paths>({
    baseUrl: url,
    headers: { Authorization: `Bearer ${session.access_token}` },
  });
  const work = there(await client.POST("/v1/me/sign-in", { body: { phone, remote_answer: "talk_event" } }));
  expect(work.state === "NOT_READY", "one begins NOT_READY");
  return { client, stream: new Stream(session.access_token) };
}

const anna = await signedIn("anna", "1003");
const bert = await signedIn("bert", "1004");
const { client, stream } = anna;
await stream.of("snapshot");
await bert.stream.of("snapshot");
there(await client.PUT("/v1/me/state", { body: { state: "READY" } }));

/** A caller is offered and answered; the id of the contact. */
async function talk(): Promise<string> {
  const after = stream.seen.length;
  await have("caller");
  const offer = await stream.of("offer.created", {}, after);
  const contact = String(offer.data["contact"]);
  const path = { params: { path: { contact } } };
  there(await client.POST("/v1/me/contacts/{contact}/answer", path));
  await stream.of("contact.activity_changed", { contact, activity: "talking" }, after);
  return contact;
}

async function finish(contact: string, disposition: string): Promise<void> {
  await stream.of("contact.state_changed", { contact, state: "WORK" });
  const body = { disposition, notes: "by a generated client" };
  there(await client.POST("/v1/me/contacts/{contact}/finish", { params: { path: { contact } }, body }));
  const closed = await stream.of("contact.closed", { contact });
  expect(closed.data["disposition"] === disposition, "the disposition is told");
}

// ---- hold, retrieve, a consultation that is completed, wrap-up ------------------------------------------------------
{
  const contact = await talk();
  const path = { params: { path: { contact } } };
  const held = there(await client.POST("/v1/me/contacts/{contact}/hold", path));
  expect(held.state === "HOLD", "it holds");
  const back = there(await client.POST("/v1/me/contacts/{contact}/retrieve", path));
  expect(back.state === "TALKING", "it goes on");
  const refused = await client.POST("/v1/me/contacts/{contact}/retrieve", path);
  expect(refused.error?.error_id === "not-held", "what cannot be is refused with the id of the table");
  there(await bert.client.PUT("/v1/me/state", { body: { state: "READY" } }));
  there(await client.POST("/v1/me/contacts/{contact}/consult", { ...path, body: { to: { agent: "a-bert" } } }));
  const offer = await bert.stream.of("offer.created");
  const other = { params: { path: { contact: String(offer.data["contact"]) } } };
  there(await bert.client.POST("/v1/me/contacts/{contact}/answer", other));
  await stream.of("contact.activity_changed", { contact, activity: "consulting" });
  there(await client.POST("/v1/me/contacts/{contact}/complete", path));
  await finish(contact, "handed_over");
}

// ---- the network is away: the talk goes on, the agent is NOT_READY, and no event is lost ---------------------------
{
  const contact = await talk();
  const after = stream.seen.length;
  const from = stream.seen.at(-1)!.id;
  await have("cut");
  await have("mend");
  const down = await stream.of("agent.state_changed", { agent: "a-anna", reason: "connection_down" }, after);
  expect(down.data["state"] === "NOT_READY", "who is not there is offered nothing");
  const work = there(await client.GET("/v1/me")).work!;
  expect(work.state === "NOT_READY" && work.reason === "connection_down", "the agent is where the rules say");
  expect(work.contacts.some((one) => one.contact === contact && one.state === "TALKING"), "the talk is untouched");
  const told = await have(`lost ${from} ${stream.seen.at(-1)!.id}`);
  const got = stream.seen.slice(after).map((event) => event.id).join(" ");
  expect(got.startsWith(told), `all of ${told}, not ${got}`);
  expect(!stream.seen.slice(after).some((event) => event.type === "resync"), "nothing had to be taken anew");
  there(await client.POST("/v1/me/contacts/{contact}/transfer", {
    params: { path: { contact } },
    body: { to: { queue: "second" } },
  }));
  await finish(contact, "transferred");
}
there(await client.POST("/v1/me/sign-out"));
console.log("done");
process.exit(0);
