import { main } from '@platform/service/process.ts'
import { start } from './service.ts'

await main('moments', start)
