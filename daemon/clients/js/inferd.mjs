// What all tests share: the socket, as a fetch function, and the questions whose
// answers are known.
import { Agent, fetch as undiciFetch } from "undici";
import { z } from "zod";

const agent = new Agent({ connect: { socketPath: process.env.INFERD_SOCKET } });

export const fetch = (url, options) => undiciFetch(url, { ...options, dispatcher: agent });

export const baseURL = "http://inferd/v1";

// demo knows its answer; scripted calls the tool weather if it has one.
export const question = "When does the library open?";
export const answer = /^The library opens at 9/;
export const called = { city: "Bern" };
export const told = "It is wet.";

export const weather = {
  name: "weather",
  description: "looks out of the window",
  parameters: {
    type: "object",
    properties: { city: { type: "string", description: "where to look" } },
    required: ["city"],
    additionalProperties: false,
  },
};

export const City = z.object({ city: z.string().max(8).describe("where to look") });

// What any model can be held to, with few tokens.
export const Order = z.object({
  item: z.enum(["tea", "coffee"]),
  count: z.number().int().min(1).max(9),
  sizes: z.array(z.enum(["s", "m"])).max(2),
});
