// What the services of this example are told, by the environment.
exports.settings = () => {
  const suffix = process.env.EXAMPLE_SUFFIX ?? "";
  return {
    broker: process.env.EXAMPLE_KAFKA ?? "127.0.0.1:9092",
    orders: Number(process.env.EXAMPLE_ORDERS ?? 100),
    topics: { orders: `orders${suffix}`, shipments: `shipments${suffix}` },
  };
};
