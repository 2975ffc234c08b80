// node-coap as the other servers are measured: GET /N answers N bytes, PUT is 2.04.
// usage: node node_server.js FOLDER_WITH_node_modules PORT
// SPDX-License-Identifier: MIT
'use strict'
const path = require('path')
const coap = require(path.join(path.resolve(process.argv[2]), 'node_modules', 'coap'))
const server = coap.createServer((request, response) => {
  if (request.method === 'PUT') {
    response.code = '2.04'
    response.end()
  } else {
    response.end(Buffer.alloc(Number(request.url.slice(1)) || 0, 'x'))
  }
})
server.listen(Number(process.argv[3]), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
