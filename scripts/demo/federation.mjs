// Who is in the demonstration: seven places of the tree, from the top down.
//
// Names of schools are invented. `holds` says what a node keeps without being asked; everything is found everywhere.
export const PLACES = [
  { key: "city", tier: "city", name: "攀枝花市电教馆", region: "510400", account: "周馆长", holds: { all: true } },
  { key: "miyi", tier: "county", parent: "city", name: "米易县电教馆", region: "510421", account: "沈主任", holds: { all: true } },
  { key: "yanbian", tier: "county", parent: "city", name: "盐边县电教馆", region: "510422", account: "罗主任", holds: { all: true } },
  { key: "hewan", tier: "school", parent: "miyi", name: "河湾小学", region: "510421", account: "李老师", holds: { stage: ["primary"], maxSize: 5_000_000 } },
  { key: "hecaoba", tier: "school", parent: "miyi", name: "禾草坝小学", region: "510421", account: "吉老师", holds: { subject: ["music", "art", "english", "science"] } },
  { key: "yunshanping", tier: "school", parent: "yanbian", name: "云山坪学校", region: "510422", account: "谢老师", holds: { stage: ["junior", "primary"] } },
  // The shortage subjects come up the hill by themselves; the rest is found, and fetched when somebody wants it.
  { key: "qinggangya", tier: "point", parent: "yunshanping", name: "青冈垭教学点", region: "510422", account: "阿依老师", holds: { subject: ["music", "art", "english", "science"] } },
];

export const TIERS = { city: "市", county: "县", school: "校", point: "教学点" };

/** One password for all accounts of the demonstration: they hold nothing but samples, on loopback. */
export const PASSWORD = "木棉花开满山坡2026";

/** Two ports a node: pages (TCP), peers (UDP). Below what systems give to outgoing connections. */
export const FIRST_PORT = 8430;
export const LAST_PORT = 9430;
