// Sends events with Segment's Node library, unmodified: node with_node.mjs HOST WRITE_KEY FIRST COUNT
//
// Each event has the messageId `js-<number>`. Exits with 1 where the library reports an error. The library is looked for in the
// folder that SDK_NODE names.
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(path.join(process.env.SDK_NODE ?? '.', 'package.json'))
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey, first, count] = process.argv.slice(2)
const errors = []
const analytics = new Analytics({ writeKey, host, flushAt: 100, flushInterval: 200 })
analytics.on('error', (error) => errors.push(error))

for (let number = Number(first); number < Number(first) + Number(count); number++) {
  analytics.track({
    userId: `user-${number % 100}`,
    event: 'Order Completed',
    messageId: `js-${number}`,
    properties: { order_id: `o-${number}`, total: 12.5, currency: 'EUR', note: 'für ☃' },
  })
  // The library keeps what it could not send; give it room to send.
  if (number % 500 === 499) await new Promise((resolve) => setTimeout(resolve, 1))
}
await analytics.closeAndFlush({ timeout: 60_000 })

for (const error of errors) console.error(error)
process.exit(errors.length ? 1 : 0)
