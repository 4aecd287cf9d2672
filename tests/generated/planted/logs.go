package planted

import (
	"context"
	"fmt"
	"log"
	"log/slog"
)

func Say(_ context.Context, logger *slog.Logger, name string) {
	slog.Info("Order placed")
	logger.Info("Order " + name)
	logger.Info("Order placed", "orderId", name)
	fmt.Println(name)
	log.Print(name)
}
