import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createPool } from 'mysql2/promise';
import { ChangesController } from './changes.controller';

@Module({
  controllers: [ChangesController],
  providers: [{ provide: 'POOL', useFactory: () => createPool(process.env.DATABASE_URL ?? '') }],
})
class AppModule {}

async function bootstrap() {
  // The signature covers the raw bytes of the body. Nest keeps them only with `rawBody`.
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { rawBody: true, logger: ['error'] });
  app.useBodyParser('json', { limit: '1mb' });
  await app.listen(Number(process.env.PORT ?? 3000));
}
void bootstrap();
