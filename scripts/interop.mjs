// Calls a running Kapok node with js-libp2p over QUIC: connect, identify, ping.
//
// Usage: interop.mjs MULTIADDR… (those of the node's ready line; others than QUIC's are passed over). Prints one line a
// step; exits 1 where one fails.

import { quic } from '@chainsafe/libp2p-quic'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

// A step takes milliseconds on loopback; a poor machine may need more.
const PATIENCE_MS = 30_000

// Parts of it want Node.js 22; this is all of that which 20 lacks.
Promise.withResolvers ??= () => {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}

async function converse (address) {
  const host = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
    transports: [quic()],
    services: { identify: identify(), ping: ping() }
  })
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const identified = new Promise((resolve) => host.addEventListener('peer:identify', (event) => resolve(event.detail)))
    await host.dial(multiaddr(address), { signal })
    console.log('  connected, and the key proved')
    const told = await Promise.race([
      identified,
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('identify did not come in time'))))
    ])
    if (!told.agentVersion?.startsWith('kapok/')) {
      throw new Error(`identify says ${told.agentVersion}, not kapok/…`)
    }
    console.log(`  identified: ${told.agentVersion}, ${told.protocols.length} protocols`)
    const rtt = await host.services.ping.ping(multiaddr(address), { signal })
    console.log(`  a ping, in ${Math.round(rtt)} ms`)
  } finally {
    await host.stop()
  }
}

let failed = 0
for (const address of process.argv.slice(2).filter((address) => address.includes('/quic-v1'))) {
  console.log(`js-libp2p → ${address}`)
  try {
    await converse(address)
  } catch (error) {
    failed += 1
    console.log(`  FAILED: ${error}`)
  }
}
process.exit(failed > 0 ? 1 : 0)
