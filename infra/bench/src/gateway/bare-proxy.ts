import { createServer } from 'node:http'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'

/** What the gateway is measured against: http-proxy-middleware as it comes, and nothing else. */
const proxy = createProxyMiddleware({ target: process.env.TARGET })

const server =
  process.env.EXPRESS === '1' ? createServer(express().use(proxy)) : createServer((req, res) => void proxy(req, res))
server.listen(Number(process.env.PORT), '127.0.0.1')
